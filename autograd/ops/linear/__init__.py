"""Products of vectors and matrices, and linear algebra."""
