// SPDX-License-Identifier: Apache-2.0

package k8sleader_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"strings"
	"testing"
)

// Every exported name has a comment that godoc shows, of its own or of its group.
func TestEveryExportedNameHasAComment(t *testing.T) {
	t.Parallel()
	for _, folder := range []string{".", "k8sleadertest", "internal/cheap"} {
		notTests := func(info fs.FileInfo) bool { return !strings.HasSuffix(info.Name(), "_test.go") }
		files := token.NewFileSet()
		packages, err := parser.ParseDir(files, folder, notTests, parser.ParseComments)
		must(t, err)
		count := 0
		lacks := func(name *ast.Ident, comments ...*ast.CommentGroup) {
			if !name.IsExported() {
				return
			}
			count++
			for _, comment := range comments {
				if comment.Text() != "" {
					return
				}
			}
			t.Errorf("%s: %s has no comment", files.Position(name.Pos()), name.Name)
		}
		for _, p := range packages {
			for _, file := range p.Files {
				for _, declaration := range file.Decls {
					switch d := declaration.(type) {
					case *ast.FuncDecl:
						if d.Recv == nil || exportedReceiver(d) {
							lacks(d.Name, d.Doc)
						}
					case *ast.GenDecl:
						for _, spec := range d.Specs {
							switch s := spec.(type) {
							case *ast.TypeSpec:
								lacks(s.Name, d.Doc, s.Doc, s.Comment)
							case *ast.ValueSpec:
								for _, name := range s.Names {
									lacks(name, d.Doc, s.Doc, s.Comment)
								}
							}
						}
					}
				}
			}
		}
		if count == 0 {
			t.Errorf("nothing is exported by %s", folder)
		}
	}
}

func exportedReceiver(function *ast.FuncDecl) bool {
	kind := function.Recv.List[0].Type
	if star, ok := kind.(*ast.StarExpr); ok {
		kind = star.X
	}
	name, ok := kind.(*ast.Ident)
	return ok && name.IsExported()
}
