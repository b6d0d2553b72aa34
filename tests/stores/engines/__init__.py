"""One file a store. An engine makes a LangChain store on the real thing, opens it anew, and reads texts and metadata past any adapter."""
