"""Writes the MAT-files beside it with SciPy 1.17 (scipy.io.savemat), in the shapes of the sets' own files."""
import numpy as np
import scipy.io


def save(name, compress=True, **variables):
    scipy.io.savemat(name, variables, do_compression=compress)
    with open(name, "r+b") as f:  # the header has the date
        f.write(b"MATLAB 5.0 MAT-file".ljust(116))


def cells(*texts):
    a = np.empty((len(texts), 1), object)
    a[:, 0] = texts
    return a


def structs(names, *rows):
    a = np.zeros((1, len(rows)), [(n, "O") for n in names])
    for i, row in enumerate(rows):
        a[0, i] = row
    return a


save("numbers.mat", compress=False, bytes=np.array([[1, 2, 3], [4, 5, 255]], np.uint8), reals=np.array([[1.0, 2.0], [300.0, -4.0]]),
     words=np.array([[1, 65535]], np.uint16), half=np.array([[0.5]]), text="Grüße", nothing=np.zeros((0, 0)))
save("flowers.mat", labels=np.array([[2, 1, 2, 1]], np.uint8), trnid=np.array([[1, 2]], np.uint16), valid=np.array([[3]], np.uint16),
     tstid=np.array([[4]], np.uint16))
save("cars.mat", annotations=structs(["bbox_x1", "class", "fname"], (39, 2, "00001.jpg"), (36, 1, "00002.jpg")),
     class_names=np.array([["Acura TL Sedan 2012", "Ram C/V Cargo Van Minivan 2012"]], object))
save("dogs.mat", file_list=cells("n02085620-Chihuahua/n02085620_1.jpg", "n02085782-Japanese_spaniel/n02085782_2.jpg"), labels=np.array([[1], [2]]))
save("synsets.mat", synsets=structs(["ILSVRC2012_ID", "WNID"], (1, "n02119789"), (2, "n01440764")).T)
x = np.zeros((32, 32, 3, 3), np.uint8)
x[1, 2, 0, 1], x[1, 2, 1, 1], x[1, 2, 2, 1] = 10, 20, 30  # row 1, column 2 of the second image
save("svhn.mat", X=x, y=np.array([[10], [1], [10]], np.uint8))
