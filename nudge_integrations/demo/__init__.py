"""The labelled set that `nudge demo` and the notebooks use: this machine's own documentation, without a download."""
