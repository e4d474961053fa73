"""MIDI files made small without loss: entropy coding with the model's probabilities and with what the file itself teaches."""
