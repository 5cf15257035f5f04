"""Forward and backward passes that compute quantities of recurrent layers.

A pass is one TensorFlow function of a batch: the model's own forward pass and loss, traced as
``fit`` traces them, with taps on the recurrent layers. `layer_tap` is the tap of a layer,
`rnn_loop` and `cell_step` that of its loop over time, `cell_tap` that of a standalone cell. From
what the taps recorded, `quantity_sources` lists the tensors to differentiate by, and `derivatives`
computes the results. `traced_pass` puts it together, `pass_cache` keeps it for the next batch.
"""
