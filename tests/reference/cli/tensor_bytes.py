def tensor_bytes(file):
    """What the tensors of a safetensors file hold, without the header, which says how they were made."""
    content = file.read_bytes()
    return content[8 + int.from_bytes(content[:8], "little") :]
