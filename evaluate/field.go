package evaluate

import "mgd3/tensorset"

// The protocols of the field's programs, beside those of protocol.go. Their numbers are from the programs' sources:
//
//	dc       VICO-UoE/DatasetCondensation, main.py and utils.py: no augmentation, 300 epochs
//	dsa      the same for --method DSA, and main_DM.py: DSA's augmentation, 1,000 epochs
//	mtt      GeorgeCazenavette/mtt-distillation, distill.py and utils.py: dsa with aligned corners and the rate that
//	         was
//	         learned with the images, if it is there
//	mtt-zca  the same with --zca: all images whitened by the training set
//	sre2l    VILA-Lab/SRe2L, validate/train_FKD.sh and .py; its labels are stored, ours come from the teacher there
//	rded     soft by another name; cao2 as well, whose program evaluates with RDED's, factor 2
//
// A training of these programs has one epoch more than it is told, and the rate falls after the one in the middle; they
// begin the momentum anew there, which we do not. TestFieldConstants holds every number.

// dcProtocol is that of DC's program.
func dcProtocol(f Facts) Protocol {
	size := min(Published, f.Size)
	mean, std := colours(f, tensorset.CIFAR100)
	p := Protocol{
		Name: "dc", Labels: Hard, Norm: Instance, Size: size, TrainSize: size,
		Batch: 256, TestBatch: 64,
		Optimiser: Optimiser{Kind: SGD, Rate: 0.01, Momentum: 0.9, Decay: 5e-4},
		Schedule:  Schedule{Kind: HalfStep, Factor: 0.1},
		Augment:   Augment{Centre: true, Mean: mean, Std: std},
		Publish:   Last,
	}
	p.setEpochs(300 + 1)
	return p
}

// dsaProtocol is that of DSA's and DM's programs.
func dsaProtocol(f Facts) Protocol {
	p := dcProtocol(f)
	p.Name, p.DSA = "dsa", dsa(false)
	p.setEpochs(1000 + 1)
	return p
}

// mttProtocol is that of MTT's program; whiten is its --zca.
func mttProtocol(f Facts, whiten bool) Protocol {
	p := dsaProtocol(f)
	p.Name, p.DSA = "mtt", dsa(true)
	p.Augment.Mean, p.Augment.Std = colours(f, tensorset.CIFAR10)
	if f.Rate > 0 {
		p.Optimiser.Rate = f.Rate
	}
	if whiten {
		p.Name, p.Whiten = "mtt-zca", true
		p.Augment.Mean, p.Augment.Std = [3]float64{}, [3]float64{1, 1, 1}
	}
	return p
}

// colours are mean and deviation of images: up to 32 pixels those of CIFAR, for 100 classes those that a program has
// for CIFAR-100, else ImageNet's.
func colours(f Facts, hundred tensorset.Pixels) (mean, std [3]float64) {
	const cifarSide = 32
	switch {
	case f.Size > cifarSide:
		return tensorset.ImageNet.Stats()
	case f.Classes == 100:
		return hundred.Stats()
	}
	return tensorset.CIFAR10.Stats()
}

// sre2lProtocol is that of SRe2L's program.
func sre2lProtocol(f Facts) Protocol {
	p := softProtocol(f, 1)
	p.Name, p.Norm = "sre2l", Batch
	p.Batch = min(1024, f.Images)
	p.Augment.Scale = [2]float64{0.08, 1}
	p.Optimiser.Rate = 1e-3
	p.Schedule = Schedule{Kind: Cosine}
	return p
}

// renamed is a protocol by the name of those who use it.
func renamed(p Protocol, name string) Protocol {
	p.Name = name
	return p
}
