"""What the dialect `bedrock` is made of."""
