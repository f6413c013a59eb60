"""A matrix product in numpy."""

import numpy as np
from hashed import numbers


class Product:
    """op(A) op(B), where op swaps the last two axes or does nothing."""

    def __init__(self, task):
        a, b = numbers(1, task["a"]), numbers(2, task["b"])
        self.a = np.swapaxes(a, -1, -2) if task["transposeA"] else a
        self.b = np.swapaxes(b, -1, -2) if task["transposeB"] else b

    def run(self, variant):
        return np.matmul(self.a, self.b)

    def values(self, made):
        return [made]


prepare = Product
