"""scikit-learn's k-means, one start, with either of its algorithms.

Usage: peer_sklearn.py kmeans_1300x4096_k10 [--algorithm lloyd|elkan] [--threads 2] [--repeat 3]
"""

import sklearn
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits

import loads
import measure


def make(load, o):
    if load != loads.KMEANS or o.precision != "float32":
        measure.refuse("scikit-learn has nothing for it")
    threadpool_limits(o.threads)
    x = loads.latents()
    return lambda: KMeans(10, n_init=1, random_state=0, algorithm=o.algorithm).fit(x)


if __name__ == "__main__":
    measure.main(lambda o: f"scikit-learn {sklearn.__version__} {o.algorithm}", make, algorithm=["lloyd", "elkan"])
