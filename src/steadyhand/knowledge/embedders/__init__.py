"""One kind of embedding model per file: `from_settings(wanted, models_folder)` gives a `LocalEmbed`."""
