"""Processes that are killed in the middle of a write, and what is found afterwards. `import killing`: the conftest puts its folder on the path."""
