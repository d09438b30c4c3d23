package classify

import (
	"reflect"
	"testing"
)

// A clone equals its finding and shares no memory with it that could change.
func TestClone(t *testing.T) {
	var f Finding
	furnish(reflect.ValueOf(&f).Elem())
	c := f.clone()
	if !reflect.DeepEqual(f, c) {
		t.Errorf("%+v, want %+v", c, f)
	}
	apart(t, "finding", reflect.ValueOf(f), reflect.ValueOf(c))
}

// furnish makes every pointer and list of a value hold something.
func furnish(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		furnish(v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		furnish(v.Index(0))
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				furnish(v.Field(i))
			}
		}
	case reflect.String:
		v.SetString("x")
	}
}

func apart(t *testing.T, name string, a, b reflect.Value) {
	t.Helper()
	switch a.Kind() {
	case reflect.Pointer:
		if a.Pointer() == b.Pointer() {
			t.Errorf("%s is shared", name)
		}
		apart(t, name, a.Elem(), b.Elem())
	case reflect.Slice:
		if a.Pointer() == b.Pointer() {
			t.Errorf("%s is shared", name)
		}
		apart(t, name, a.Index(0), b.Index(0))
	case reflect.Struct:
		for i := range a.NumField() {
			if a.Type().Field(i).IsExported() {
				apart(t, name+"."+a.Type().Field(i).Name, a.Field(i), b.Field(i))
			}
		}
	}
}
