"""What features cost and what they are worth."""
