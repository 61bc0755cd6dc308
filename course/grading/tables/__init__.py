"""Tables of an instructor's own: drafted from a Keras model, and proved.

Student code cannot read this room, because `keras_model` builds any table.
"""
