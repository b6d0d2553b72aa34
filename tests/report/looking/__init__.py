"""Reports to look at, and what looks at them."""
