"""Forward and backward passes: layers are tapped, the loss is differentiated by what they show."""
