"""The door of `/v1`: clients of OpenAI and Anthropic, unchanged except for the address and the key."""
