"""ImageNet results as they were published: which error belongs to which configuration.

Errors and accuracies are per cent. Everything that can be computed from a network's table
(parameters, MACs, memory) is not here: `anatomy(NETWORKS[name])` has it.
"""

from dataclasses import dataclass

from course.architectures.alexnet import ALEXNET_TWO_GPUS
from course.architectures.googlenet import GOOGLENET
from course.architectures.lenet import LENET5
from course.architectures.resnet import (
    RESNET18,
    RESNET34,
    RESNET50_V1_5,
    RESNET101_V1_5,
    RESNET152_V1_5,
)  # fmt: skip
from course.architectures.vgg import VGG11, VGG13, VGG16, VGG19
from course.architectures.zfnet import ZFNET

#: The course's networks by name, in the order of their years.
NETWORKS = {
    "LeNet-5": LENET5,
    "AlexNet": ALEXNET_TWO_GPUS,
    "ZFNet": ZFNET,
    "VGG-11": VGG11,
    "VGG-13": VGG13,
    "VGG-16": VGG16,
    "VGG-19": VGG19,
    "GoogLeNet": GOOGLENET,
    "ResNet-18": RESNET18,
    "ResNet-34": RESNET34,
    "ResNet-50": RESNET50_V1_5,
    "ResNet-101": RESNET101_V1_5,
    "ResNet-152": RESNET152_V1_5,
}


@dataclass(frozen=True)
class Winner:
    """The best entry of a year's classification task, on the challenge's test images."""

    year: int
    team: str
    method: str
    top5: float  # error of the winning entry
    convolutional: bool = True


#: image-net.org, result pages of 2010 to 2017 (from 2014 on the classification of CLS-LOC). The
#: entries of 2012 and 2013 used outside data; see RESULTS for the same teams without it.
WINNERS = (
    Winner(2010, "NEC-UIUC", "sparse coding, SVM", 28.19, convolutional=False),
    Winner(2011, "XRCE", "Fisher vectors, linear", 25.77, convolutional=False),
    Winner(2012, "SuperVision", "AlexNet", 15.315),
    Winner(2013, "Clarifai", "like ZFNet", 11.197),
    Winner(2014, "GoogLeNet", "Inception", 6.656),
    Winner(2015, "MSRA", "ResNet", 3.567),
    Winner(2016, "Trimps-Soushen", "ensemble of CNNs", 2.991),
    Winner(2017, "WMW", "SENet", 2.251),
)


@dataclass(frozen=True)
class Result:
    """One published number, and the configuration that it belongs to."""

    team: str
    top5: float  # error
    nets: int | None  # number of nets that were averaged; None: several, number not published
    crops: str  # averaged crops of an image; "dense": slid over the whole image; "": not stated
    images: str  # "val" or "test" and the year of the images
    outside: bool = False  # whether nets were pre-trained on other images
    source: str = ""

    def __str__(self):
        nets = {None: "several nets", 1: "1 net"}.get(self.nets, f"{self.nets} nets")
        crops = f"{self.crops} crops" if self.crops.isdigit() else self.crops
        crops = "1 crop" if self.crops == "1" else crops
        data = "outside data" if self.outside else ""
        head = f"{self.top5:6.2f} %  {self.team:11}{nets:14}{crops:12}{self.images:11}{data:14}"
        return f"{head}{self.source}"


_ALEX = "Krizhevsky 2012"
_ZF = "Zeiler 2014, Table 2"
_VGG = "Simonyan 2015, Table 7"
_GOOGLE = "Szegedy 2015, Table 3"
_RES = "He 2016"

#: Top-5 errors that slides and books print without saying what they are.
RESULTS = (
    Result("AlexNet", 17.0, 1, "10", "test 2010", source=f"{_ALEX}, Table 1"),
    Result("AlexNet", 18.2, 1, "10", "val 2012", source=f"{_ALEX}, Table 2"),
    Result("AlexNet", 16.4, 5, "10", "val 2012", source=f"{_ALEX}, Table 2"),
    Result("AlexNet", 16.422, 5, "10", "test 2012", source="image-net.org"),
    Result("AlexNet", 15.4, 7, "10", "val 2012", True, f"{_ALEX}, Table 2"),
    Result("AlexNet", 15.315, 7, "10", "test 2012", True, "image-net.org"),
    Result("ZFNet", 16.5, 1, "10", "val 2012", source=_ZF),
    Result("ZFNet", 14.8, 6, "10", "test 2012", source=_ZF),
    Result("Clarifai", 11.743, None, "", "test 2013", source="image-net.org"),
    Result("Clarifai", 11.197, None, "", "test 2013", True, "image-net.org"),
    Result("VGG", 7.0, 1, "dense, 150", "test 2014", source=_VGG),
    Result("VGG", 7.325, 7, "dense", "test 2014", source=_VGG),
    Result("GoogLeNet", 10.07, 1, "1", "val 2014", source=_GOOGLE),
    Result("GoogLeNet", 9.15, 1, "10", "val 2014", source=_GOOGLE),
    Result("GoogLeNet", 7.89, 1, "144", "val 2014", source=_GOOGLE),
    Result("GoogLeNet", 8.09, 7, "1", "val 2014", source=_GOOGLE),
    Result("GoogLeNet", 7.62, 7, "10", "val 2014", source=_GOOGLE),
    Result("GoogLeNet", 6.67, 7, "144", "val 2014", source=_GOOGLE),
    Result("GoogLeNet", 6.656, 7, "144", "test 2014", source="image-net.org"),
    Result("ResNet-152", 4.49, 1, "scales", "val", source=f"{_RES}, Table 4"),
    Result("ResNet", 3.567, 6, "scales", "test 2015", source=f"{_RES}, Table 5"),
)

#: One trained person, and a second one with less training (Russakovsky et al. 2015, section 6.4):
#: top-5 error and the number of test images that each looked at.
HUMANS = {"annotator A1": (5.1, 1500), "annotator A2": (12.0, 258)}

#: (top-1, top-5) accuracy of ONE net on the 50,000 validation images of 2012, centre crop.
#: AlexNet and GoogLeNet: the models of Caffe (BVLC readme files), which are the tables of the
#: course. The others: torchvision, weights "V1"; ResNet-50 to 152 have the stride of v1.5. The
#: training recipes differ. LeNet-5 was never on ImageNet; ZFNet, VGG-11 and VGG-13 are left out.
CENTRE_CROP = {
    "AlexNet": (57.1, 80.2),
    "VGG-16": (71.592, 90.382),
    "VGG-19": (72.376, 90.876),
    "GoogLeNet": (68.7, 88.9),
    "ResNet-18": (69.758, 89.078),
    "ResNet-34": (73.314, 91.42),
    "ResNet-50": (76.13, 92.862),
    "ResNet-101": (77.374, 93.546),
    "ResNet-152": (78.312, 94.046),
}
