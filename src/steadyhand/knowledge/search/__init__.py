"""From a question to passages: candidates by words and by meaning, fused, put into order, finished."""
