"""What computations run on: threads, memory, random numbers, trees of values."""
