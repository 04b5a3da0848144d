"""The encoder-equipped baseline and embedded default: OCR and speech recognition before a small text model."""
