"""Writes ddranking.json: the scores that the package ddranking 0.2.0 computes of given accuracies. internal/clients/ours.py
computes those of what `mgd3 rank` measured.

Needs ddranking==0.2.0 and what it imports (torch, torchvision, timm, kornia, scipy, pandas, tqdm). Its trainings are replaced by
the accuracies given; the arithmetic is its own. Accuracies are shares: see the package comment.
"""

import contextlib
import json
import os
import sys
import tempfile

from ddranking.metrics import AugmentationRobustScore, LabelRobustScoreHard, LabelRobustScoreSoft, hard_label

hard_label.save_results = lambda *_: None  # 0.2.0 notes each score twice there, and its table of unequal columns fails

cases = [
    # full, set hard, set, random, set plain, random plain
    [[0.8454, 0.6321, 0.6321, 0.5012, 0.6011, 0.4921]],
    [[0.90, 0.45, 0.71, 0.69, 0.33, 0.40], [0.91, 0.47, 0.70, 0.66, 0.35, 0.41], [0.89, 0.44, 0.72, 0.68, 0.31, 0.39]],
    [[1.0, 0.0, 0.0, 1.0, 0.0, 1.0]],
    [[0.5, 0.5, 1.0, 0.0, 1.0, 0.0]],
]


def made(kind, runs, path, **attributes):
    e = kind.__new__(kind)
    base = dict(num_eval=len(runs), ipc=1, num_classes=1, eval_full_data=True, use_dist=False, rank=0, world_size=1,
                save_path=path, dataset="", model_name="", device="cpu")
    e.__dict__.update(base | attributes)
    e._get_random_data_helper = lambda eval_iter: (None,) * attributes.pop("parts", 3)
    return e


def feed(values):
    values = list(values)
    return lambda **_: (values.pop(0), 0.01)


def scores(runs, weight):
    """of soft labels and of hard ones; weight is that of LRS and of ARS"""
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(sys.stderr):  # where the package reports
        path = os.path.join(folder, "scores.csv")
        soft = made(LabelRobustScoreSoft, runs, path, soft_label_mode="M")
        soft._compute_hard_label_metrics_helper = feed(v for r in runs for v in (r[1], r[0]))
        soft._compute_soft_label_metrics_helper = feed(v for r in runs for v in (r[2], r[3]))
        a = soft.compute_metrics(image_path="x", syn_lr=0.01, lrs_lambda=weight)
        aug = made(AugmentationRobustScore, runs, path, label_type="soft", soft_label_mode="M", parts=4)
        aug._get_random_data_helper = lambda eval_iter: (None,) * 4
        aug._compute_with_aug_metrics_helper = feed(v for r in runs for v in (r[2], r[3]))
        aug._compute_without_aug_metrics_helper = feed(v for r in runs for v in (r[4], r[5]))
        b = aug.compute_metrics(image_path="x", syn_lr=0.01, ars_lambda=weight)
        hard = made(LabelRobustScoreHard, runs, path)
        hard._compute_hard_label_metrics_helper = feed(v for r in runs for v in (r[1], r[0], r[3]))
        c = hard.compute_metrics(image_path="x", syn_lr=0.01, lrs_lambda=weight)
    return {"runs": runs, "weight": weight, "soft": {k: float(v) for k, v in (a | b).items()},
            "hard": {k: float(v) for k, v in c.items()}}


if __name__ == "__main__":
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "ddranking.json"), "w") as f:
        json.dump([scores(runs, weight) for runs in cases for weight in [0.5, 0.25]], f, indent=1)
        f.write("\n")
