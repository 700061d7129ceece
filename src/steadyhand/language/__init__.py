"""What text is made of: words, stems, sentences, and what they weigh."""
