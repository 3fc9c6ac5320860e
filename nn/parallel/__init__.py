"""Programs of several processes: how they start, talk, agree and end. See nn.distributed."""
