"""What the dialect `openai_responses` is made of."""
