"""Programs as C: what each op is in loops, how loops become one, and the text of it all."""
