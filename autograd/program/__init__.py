"""What a function computed, as it can be read again from a finished tape."""
