"""How forwards work on large arrays: in blocks, through masks, by products that suit BLAS."""
