"""The chat window and its parts: transcript, composer, approval, theme. Qt's widgets live here and nowhere else."""
