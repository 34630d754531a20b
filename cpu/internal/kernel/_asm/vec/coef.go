package main

import (
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"log"
)

var coef = readCoef("../vec_coef.go")

// readCoef returns the scope of the constants that the plain version uses.
func readCoef(path string) *types.Scope {
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, path, nil, 0)
	if err != nil {
		log.Fatal(err)
	}
	p, err := new(types.Config).Check("kernel", fset, []*ast.File{f}, nil)
	if err != nil {
		log.Fatal(err)
	}
	return p.Scope()
}

func coefValue(name string) constant.Value {
	c, ok := coef.Lookup(name).(*types.Const)
	if !ok {
		log.Fatalf("no constant %s", name)
	}
	return c.Val()
}

func coefFloat(name string) float32 {
	v, _ := constant.Float32Val(constant.ToFloat(coefValue(name)))
	return v
}

func coefBits(name string) uint32 {
	v, _ := constant.Uint64Val(coefValue(name))
	return uint32(v)
}
