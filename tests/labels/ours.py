"""The questions that every fixture holds, in the words of this project: what a reader must bring back."""

DOCUMENTS = {
    "tea-0": "Green tea is picked in spring. The leaves are steamed within hours, so that they keep their colour.",
    "tea-1": "Black tea is rolled and left in moist air; it darkens because its juices meet oxygen.",
    "salt-0": "Sea salt is won in shallow ponds: sun and wind take the water, and coarse grains stay behind.",
    "bee-0": "A hive of honey bees holds up to sixty thousand workers in June, “and one queen”.\nIn winter there are far fewer; they do not sleep.",
}
QUESTIONS = {
    "q1": ("When is green tea picked?", ["tea-0"], "in spring"),
    "q2": ("Why does black tea become dark?", ["tea-1"], "its juices meet oxygen"),
    "q3": ('How do tea leaves differ, and what does "steamed" keep?', ["tea-0", "tea-1"], "their colour"),
    "q4": ("Wie viele Bienen hält ein Stock, im Juni?", ["bee-0"], "up to sixty thousand workers"),
}
FILES = {"tea-0": "tea.txt", "tea-1": "tea.txt", "salt-0": "salt.txt", "bee-0": "bees.txt"}
