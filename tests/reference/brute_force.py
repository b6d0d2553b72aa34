"""Everything again in float64, written plainly: loops over questions and documents, dense matrices, no tricks."""

import math

import numpy as np


def unit(matrix):
    matrix = np.asarray(matrix, dtype=np.float64)
    return matrix / np.linalg.norm(matrix, axis=-1, keepdims=True)


def question_sums(docs, queries):
    """G: for each document the sum of the questions that it answers."""
    sums = np.zeros((docs, queries.dim))
    for i in range(len(queries)):
        for document in queries.relevance[i]:
            sums[document] += queries.embeddings[i].double().numpy()
    return sums


def turn(X, queries, gamma):
    """NUDGE-N: each document rotates toward G by min(arccos(1 - gamma / 2), the angle to G); not where G·D < 0."""
    D, G = unit(X), question_sums(len(X), queries)
    for j in range(len(D)):
        if not G[j].any() or G[j] @ D[j] < 0:
            continue
        goal = G[j] / np.linalg.norm(G[j])
        across = goal - (goal @ D[j]) * D[j]
        if np.linalg.norm(across) < 1e-9:
            continue
        to_goal = math.atan2(np.linalg.norm(across), goal @ D[j])
        angle = min(math.acos(1 - gamma / 2), to_goal)
        D[j] = math.cos(angle) * D[j] + math.sin(angle) * across / np.linalg.norm(across)
    return D


def shift(X, queries, gamma):
    """NUDGE-M: each document moves by gamma along G / |G|."""
    D, G = unit(X), question_sums(len(X), queries)
    for j in range(len(D)):
        if G[j].any():
            D[j] += gamma * G[j] / np.linalg.norm(G[j])
    return D


def ranking(scores):
    """Rows from the best score to the worst; of equal scores the lower row first."""
    return sorted(range(len(scores)), key=lambda row: (-scores[row], row))


def measure(name, rows, grades, k):
    """One measure of one ranking, from its definition; `grades` are those of the relevant documents."""
    met = [grades.get(row, 0.0) for row in rows[:k]]
    hits = sum(grade > 0 for grade in met)
    if name == "Success":
        return float(hits > 0)
    if name == "R":
        return hits / len(grades)
    if name == "CR":
        return hits / min(k, len(grades))
    if name == "P":
        return hits / k
    if name == "RR":
        return max((1 / rank for rank, grade in enumerate(met, 1) if grade > 0), default=0.0)
    if name == "AP":
        precisions = [sum(g > 0 for g in met[:rank]) / rank for rank, grade in enumerate(met, 1) if grade > 0]
        return sum(precisions) / len(grades)
    if name == "nDCG":
        ideal = sorted(grades.values(), reverse=True)[:k]
        return dcg(met) / dcg(ideal)
    raise KeyError(name)


def dcg(gains):
    return sum(gain / math.log2(rank + 1) for rank, gain in enumerate(gains, 1))


def mean(text, D, queries):
    """The mean of a measure such as nDCG@10 over all questions, ranking every row of D by dot product."""
    name, k = text.split("@")
    scores = queries.embeddings.double().numpy() @ np.asarray(D, dtype=np.float64).T
    values = [measure(name, ranking(scores[i].tolist()), queries.relevance[i], int(k)) for i in range(len(queries))]
    return sum(values) / len(values)
