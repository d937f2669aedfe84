package main

import (
	"cmp"
	"fmt"

	"missioncontrol/audit/bundle"
)

// auditVerifyCmd verifies evidence that somebody took away. It needs no server.
type auditVerifyCmd struct {
	Bundle string `arg:"" help:"The .tar.gz file." type:"existingfile"`
	Key    string `help:"Verifier key that you trust: NAME+HASH+KEY, as printed at the first start and by missioncontrol audit keys." placeholder:"KEY"`
}

// unchecked ends the program with a status of its own.
type unchecked struct{}

// statusUnchecked says that a bundle is consistent, and no more.
const statusUnchecked = 3

func (unchecked) Error() string { return "the signer was not checked: give --key" }

// ExitCode is the status of the program.
func (unchecked) ExitCode() int { return statusUnchecked }

// Run prints what was found to be true of the bundle.
func (c *auditVerifyCmd) Run(out output) error {
	v, err := bundle.Verify(c.Bundle, c.Key)
	if err != nil {
		return fmt.Errorf("not verified: %w", err)
	}
	verdict := "verified"
	if !v.SignerChecked {
		verdict = "consistent, signer not checked"
	}
	_, _ = fmt.Fprintf(out, "%s: %d entries of %s, org_seq %d to %d, in a log of %d (%s)\n",
		verdict, v.Entries, cmp.Or(v.Organization, "the system"), v.FirstOrgSeq, v.LastOrgSeq, v.TreeSize, v.Completeness)
	if !v.SignerChecked {
		return unchecked{}
	}
	return nil
}
