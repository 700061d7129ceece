"""What the dialect `ollama` is made of."""
