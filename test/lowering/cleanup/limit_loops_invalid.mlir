// RUN: fa-opt %s --verify-diagnostics --limit-loops="max-instructions=3"

// A loop that counts at run time cannot be unrolled.

plena.kernel @long {
  %zero = plena.get_register : !plena.gp<gp0>
  // expected-error @below {{one iteration of this loop executes 4 instructions, and the machine allows 3; a loop that counts at run time cannot be unrolled}}
  %end = plena.loop max 64 (%i : !plena.gp, %left = %zero : !plena.gp<gp0> to !plena.gp) {
    plena.v_exp_v %zero, %zero, 0 : (!plena.gp<gp0>, !plena.gp<gp0>) -> ()
    plena.v_exp_v %zero, %zero, 0 : (!plena.gp<gp0>, !plena.gp<gp0>) -> ()
    %next = plena.s_ld_int %left, 1 : (!plena.gp) -> !plena.gp
    plena.yield %next, %next : !plena.gp, !plena.gp
  }
}
