"""What the dialect `openai` is made of; `openai_responses` shares the faults and what requests have in common."""
