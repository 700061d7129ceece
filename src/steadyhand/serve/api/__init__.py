"""The JSON interface: parse, call one function of the workspace, print."""
