"""The tape, tensors and primitives: everything that is needed to differentiate, and no op."""
