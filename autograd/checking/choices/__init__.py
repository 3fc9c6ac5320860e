"""What may be chosen where slopes divide, at ties and kinks: of a function, and of a tape."""
