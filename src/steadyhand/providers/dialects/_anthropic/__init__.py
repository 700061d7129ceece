"""What the dialect `anthropic` is made of; Claude models behind Bedrock use some of it."""
