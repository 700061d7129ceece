"""The frozen vocabulary: what the words of the product mean as values. Imports nothing of ours."""
