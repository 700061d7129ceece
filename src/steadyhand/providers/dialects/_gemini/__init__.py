"""What the dialect `gemini` is made of."""
