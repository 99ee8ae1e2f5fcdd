package upstream

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/types"
	"os"
	"slices"
	"strings"

	"golang.org/x/tools/go/packages"
)

// WriteOutPromotedFields rewrites the files below `folder` of some packages, and of all that these need, into what Go
// 1.26 understands: a composite literal may name the fields of an embedded struct only within a literal of that
// struct. `T{Name: n, Kind: k}` becomes `T{Meta: Meta{Name: n, Kind: k}}`, and means the same.
func WriteOutPromotedFields(module, folder string, patterns ...string) error {
	loaded, err := packages.Load(&packages.Config{Mode: packages.LoadAllSyntax, Dir: module}, patterns...)
	if err != nil {
		return err
	}
	var failure error
	packages.Visit(loaded, nil, func(p *packages.Package) {
		for number, file := range p.Syntax {
			path := p.CompiledGoFiles[number]
			if failure == nil && len(p.Errors) > 0 && strings.HasPrefix(path, folder) {
				failure = rewrite(path, &rewriter{in: p, file: file})
			}
		}
	})
	return failure
}

// rewriter gathers what has to be put into one file.
type rewriter struct {
	in         *packages.Package
	file       *ast.File
	insertions []insertion
	imports    []string
}

// insertion is a text that comes in front of what stands at an offset.
type insertion struct {
	offset int
	text   string
}

func rewrite(path string, r *rewriter) error {
	var failure error
	ast.Inspect(r.file, func(node ast.Node) bool {
		if literal, ok := node.(*ast.CompositeLit); ok && failure == nil {
			failure = r.literal(literal)
		}
		return failure == nil
	})
	if failure != nil || len(r.insertions) == 0 {
		return failure
	}
	for _, line := range r.imports {
		r.insertions = append(r.insertions, insertion{r.offset(r.file.Name), line})
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	// From the end, so that offsets stay what they are.
	slices.SortStableFunc(r.insertions, func(a, b insertion) int { return cmp.Compare(b.offset, a.offset) })
	for _, i := range r.insertions {
		text = slices.Insert(text, i.offset, []byte(i.text)...)
	}
	return os.WriteFile(path, text, 0o644)
}

// literal puts each run of fields that belong to one embedded struct into a literal of it.
func (r *rewriter) literal(literal *ast.CompositeLit) error {
	written := map[*types.Var]bool{}
	var open *types.Var
	var last ast.Node
	for _, element := range literal.Elts {
		embedded, err := r.promotedFrom(literal, element)
		if err != nil {
			return err
		}
		if open != nil && embedded != open {
			r.insertions = append(r.insertions, insertion{r.offset(last), "}"})
		}
		if embedded != nil && embedded != open {
			if written[embedded] {
				return fmt.Errorf("%s: fields of %s stand apart", r.in.Fset.Position(element.Pos()), embedded.Name())
			}
			written[embedded] = true
			start := r.in.Fset.Position(element.Pos()).Offset
			r.insertions = append(r.insertions, insertion{start, embedded.Name() + ": " + r.opening(embedded.Type())})
		}
		open, last = embedded, element
	}
	if open != nil {
		r.insertions = append(r.insertions, insertion{r.offset(last), "}"})
	}
	return nil
}

// promotedFrom returns the embedded field of the literal's struct that has the field which an element names, if the
// struct does not have it itself.
func (r *rewriter) promotedFrom(literal *ast.CompositeLit, element ast.Expr) (*types.Var, error) {
	pair, ok := element.(*ast.KeyValueExpr)
	if !ok {
		return nil, nil
	}
	key, ok := pair.Key.(*ast.Ident)
	if !ok {
		return nil, nil
	}
	whole := r.in.TypesInfo.TypeOf(literal)
	if whole == nil {
		return nil, nil
	}
	if pointer, ok := whole.Underlying().(*types.Pointer); ok {
		whole = pointer.Elem()
	}
	structure, ok := whole.Underlying().(*types.Struct)
	if !ok {
		return nil, nil
	}
	_, way, _ := types.LookupFieldOrMethod(whole, true, r.in.Types, key.Name)
	switch len(way) {
	case 0, 1:
		return nil, nil
	case 2:
		return structure.Field(way[0]), nil
	default:
		return nil, fmt.Errorf("%s: %s is embedded more than once over", r.in.Fset.Position(key.Pos()), key.Name)
	}
}

// opening is what a literal of a type begins with in this file.
func (r *rewriter) opening(of types.Type) string {
	if pointer, ok := of.(*types.Pointer); ok {
		return "&" + r.opening(pointer.Elem())
	}
	return types.TypeString(of, r.qualifier) + "{"
}

// qualifier is the name by which this file knows a package; it is imported once more where it does not.
func (r *rewriter) qualifier(other *types.Package) string {
	if other == r.in.Types {
		return ""
	}
	for _, known := range r.file.Imports {
		if strings.Trim(known.Path.Value, `"`) != other.Path() {
			continue
		}
		if known.Name == nil {
			return other.Name()
		}
		if known.Name.Name != "_" && known.Name.Name != "." {
			return known.Name.Name
		}
	}
	name := "promoted" + strings.Map(letters, other.Path())
	if line := fmt.Sprintf("\n\nimport %s %q\n", name, other.Path()); !slices.Contains(r.imports, line) {
		r.imports = append(r.imports, line)
	}
	return name
}

// letters keeps those characters of a path that a name may have.
func letters(r rune) rune {
	if r == '/' || r == '.' || r == '-' {
		return '_'
	}
	return r
}

// offset is where a node ends in its file.
func (r *rewriter) offset(node ast.Node) int {
	return r.in.Fset.Position(node.End()).Offset
}
