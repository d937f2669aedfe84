package main

import (
	"fmt"
	"net/url"
	"reflect"
	"strings"
)

// settings is how the program is configured, by the names of the environment,
// as evidence: what holds a secret says only that it is set, and addresses lose
// their user, password and query.
func settings(of any) map[string]string {
	all := map[string]string{}
	collectSettings(reflect.ValueOf(of), all)
	return all
}

func collectSettings(v reflect.Value, all map[string]string) {
	if v = reflect.Indirect(v); v.Kind() != reflect.Struct {
		return
	}
	for _, f := range reflect.VisibleFields(v.Type()) {
		switch name := f.Tag.Get("env"); {
		case len(f.Index) > 1: // is reached through what embeds it
		case name != "":
			all[name] = told(name, fmt.Sprint(v.FieldByIndex(f.Index)))
		default:
			collectSettings(v.FieldByIndex(f.Index), all)
		}
	}
}

// told is a setting without its secret.
func told(name, value string) string {
	switch {
	case value == "":
		return ""
	case strings.HasSuffix(name, "_URL"):
		return place(value)
	case strings.HasSuffix(name, "_FILE"), name == "RATE_LIMIT_AGENT_AUTH": // a path, a number
		return value
	case strings.Contains(name, "TOKEN"), strings.Contains(name, "KEY"), strings.Contains(name, "SECRET"), strings.Contains(name, "PASSWORD"):
		return "set"
	}
	return value
}

// place is where an address leads, without who asks and how.
func place(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return "set" // another notation, such as key=value, may hold a password anywhere
	}
	return u.Scheme + "://" + u.Host + u.Path
}
