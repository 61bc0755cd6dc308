"""The questions of 08-project."""

from course.check.letters import RIGHT

QUESTIONS = {
    "project-plan": {
        "twenty images": {
            "a": "Too few for new images, yes. But the network is asked about the same twenty, and "
            "those it could know by heart.",
            "b": "A network that overfits has all of its training images right. This one has not.",
            "c": RIGHT,
        },
        "whose mean": {
            "a": RIGHT,
            "b": "Then the same pixel would become another number than in training. The network "
            "learned with the training images' two numbers.",
            "c": "The held-out images would then take part in the training. In use they are not "
            "there beforehand, and perhaps come one by one.",
        },
        "which images": {
            "a": "What has been chosen by them no longer says how the network does on new images.",
            "b": "A rate can be good for learning the training images by heart, and bad for new "
            "ones.",
            "c": RIGHT,
        },
        "two changes": {
            "a": RIGHT,
            "b": "One of them could even have done harm. Make each alone to see it.",
            "c": "That is a good guess. The two runs cannot tell it from the other one.",
        },
        "ranges": {
            "a": "The means of three runs move by as much when the seeds change: 92.0 to 93.0 % "
            "came from both settings.",
            "b": "Not shown is not the same as equal. More seeds may show a difference.",
            "c": RIGHT,
        },
    },
}
