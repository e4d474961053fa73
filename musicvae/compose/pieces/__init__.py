"""What is asked of a model of drums, grooves, trios or performances; `model.PieceModel` has the methods of `compose.model.Model`."""
