"""The bodies that a prediction may be asked by beside records: columns as JSON, tensors of the Open Inference Protocol, Arrow streams."""
