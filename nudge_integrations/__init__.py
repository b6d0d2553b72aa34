"""NUDGE where retrieval happens: labelled questions, the command line and the demo."""
