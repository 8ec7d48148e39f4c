"""How representations settle while a model trains, and how they come to resemble a tagger's."""
