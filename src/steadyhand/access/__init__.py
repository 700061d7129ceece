"""Who calls and what they may do: keys, roles, sessions."""
