// RUN: fa-opt %s --split-input-file --verify-diagnostics

// What instructions, loops and kernels refuse.

plena.kernel @registers {
  // expected-error @below {{there is no integer register 'gp16'; they are gp0 to gp15}}
  %a = plena.get_register : !plena.gp<gp16>
}

// -----
plena.kernel @mask {
  %zero = plena.get_register : !plena.gp<gp0>
  // expected-error @below {{rmask of V_EXP_V must be 0 to 15, got 16}}
  plena.v_exp_v %zero, %zero, 16 : (!plena.gp<gp0>, !plena.gp<gp0>) -> ()
}

// -----
plena.kernel @bank {
  %f0 = plena.get_register : !plena.fp<f0>
  // expected-error @below {{operand 'src' of S_ADDI_INT must be !plena.gp (integer register), got !plena.fp<f0>}}
  %a = plena.s_addi_int %f0, 1 : (!plena.fp<f0>) -> !plena.gp
}

// -----
plena.kernel @results {
  %zero = plena.get_register : !plena.gp<gp0>
  // expected-error @below {{S_ADDI_INT has 1 results, got 0}}
  plena.s_addi_int %zero, 1 : (!plena.gp<gp0>) -> ()
}

// -----
plena.kernel @zero {
  %zero = plena.get_register : !plena.gp<gp0>
  // expected-error @below {{S_ADDI_INT writes gp0, which is reserved and reads as zero}}
  %a = plena.s_addi_int %zero, 1 : (!plena.gp<gp0>) -> !plena.gp<gp0>
}

// -----
plena.kernel @regions {
  %zero = plena.get_register : !plena.gp<gp0>
  // expected-error @below {{S_ADDI_INT has no regions and no successors}}
  %a = "plena.s_addi_int"(%zero) <{value = 1 : i64}> ({}) : (!plena.gp<gp0>) -> !plena.gp
}

// -----
plena.kernel @integer {
  %zero = plena.get_register : !plena.gp<gp0>
  // expected-error @below {{S_ADDI_INT needs an integer 'value'}}
  %a = "plena.s_addi_int"(%zero) : (!plena.gp<gp0>) -> !plena.gp
}

// -----
plena.kernel @operand {
  %zero = plena.get_register : !plena.gp<gp0>
  // expected-error @below {{S_ADDI_INT has no operand mask}}
  %a = "plena.s_addi_int"(%zero) <{value = 1 : i64, mask = 0 : i64}> : (!plena.gp<gp0>) -> !plena.gp
}

// -----
plena.kernel @syntax {
  %zero = plena.get_register : !plena.gp<gp0>
  // expected-error @below {{expected a function type with 1 inputs}}
  %a = plena.s_addi_int %zero, 1 : !plena.gp
}

// -----
plena.kernel @tied {
  %zero = plena.get_register : !plena.gp<gp0>
  %a = plena.s_ld_fp %zero, 0 : (!plena.gp<gp0>) -> !plena.fp<f2>
  // expected-error @below {{V_RED_SUM needs one register in both places, got !plena.fp<f2> and !plena.fp<f3>}}
  %b = plena.v_red_sum %a, %zero, 0 : (!plena.fp<f2>, !plena.gp<gp0>) -> !plena.fp<f3>
}

// -----
// expected-error @below {{'plena.kernel': a kernel has no arguments: its data is where its layout says}}
plena.kernel @arguments {
^bb0(%a: !plena.gp):
}

// -----
plena.kernel @unnamed {
  // expected-error @below {{'plena.get_register': must name a register, got !plena.gp}}
  %a = plena.get_register : !plena.gp
}

// -----
plena.kernel @late {
  %zero = plena.get_register : !plena.gp<gp0>
  plena.m_mm %zero, %zero : (!plena.gp<gp0>, !plena.gp<gp0>) -> ()
  // expected-error @below {{'plena.get_register': only gp0 and f0 can be read without being written here; gp3 at the start of a kernel, before any other operation}}
  %a = plena.get_register : !plena.gp<gp3>
}

// -----
plena.kernel @copy {
  %zero = plena.get_register : !plena.gp<gp0>
  // expected-error @below {{'plena.copy': a copy stays in its bank, got !plena.gp<gp0> to !plena.fp}}
  %a = plena.copy %zero : (!plena.gp<gp0>) -> !plena.fp
}

// -----
plena.kernel @copy {
  %zero = plena.get_register : !plena.gp<gp0>
  // expected-error @below {{'plena.copy': a copy writes gp0, which is reserved and reads as zero}}
  %a = plena.copy %zero : (!plena.gp<gp0>) -> !plena.gp<gp0>
}

// -----
plena.kernel @reload {
  %zero = plena.get_register : !plena.gp<gp0>
  %slot = plena.spill %zero : (!plena.gp<gp0>) -> !plena.slot
  // expected-error @below {{'plena.reload': a reload writes gp0, which is reserved and reads as zero}}
  %a = plena.reload %slot : (!plena.slot) -> !plena.gp<gp0>
}

// -----
plena.kernel @count {
  // expected-error @below {{'plena.loop': a loop runs 1 to 4194303 times, got 0}}
  plena.loop 0 (%i : !plena.gp) {
    plena.yield %i : !plena.gp
  }
}

// -----
plena.kernel @arguments {
  // expected-error @below {{'plena.loop': the body takes the counter and 0 carried values, got 2 arguments}}
  "plena.loop"() <{count = 2 : i64}> ({
  ^bb0(%i: !plena.gp, %a: !plena.gp):
    "plena.yield"(%i) : (!plena.gp) -> ()
  }) : () -> ()
}

// -----
plena.kernel @counter {
  // expected-error @below {{'plena.loop': the counter must be plena.gp, got !plena.fp}}
  plena.loop 2 (%i : !plena.fp) {
    plena.yield %i : !plena.fp
  }
}

// -----
plena.kernel @counter {
  // expected-error @below {{'plena.loop': a loop writes gp0, which is reserved and reads as zero}}
  plena.loop 2 (%i : !plena.gp<gp0>) {
    plena.yield %i : !plena.gp<gp0>
  }
}

// -----
plena.kernel @counter {
  // expected-error @below {{'plena.loop': the counter needs one register in both places, got !plena.gp<gp1> and !plena.gp<gp2>}}
  plena.loop 2 (%i : !plena.gp<gp1>) {
    %j = plena.copy %i : (!plena.gp<gp1>) -> !plena.gp<gp2>
    plena.yield %j : !plena.gp<gp2>
  }
}

// -----
plena.kernel @end {
  // expected-error @below {{'plena.loop': the body must yield the counter and 0 carried values, got 2 operands}}
  plena.loop 2 (%i : !plena.gp) {
    plena.yield %i, %i : !plena.gp, !plena.gp
  }
}

// -----
plena.kernel @outs {
  %zero = plena.get_register : !plena.gp<gp0>
  // expected-error @below {{'plena.loop': 1 values are carried, got 0 outs}}
  "plena.loop"(%zero) <{count = 2 : i64}> ({
  ^bb0(%i: !plena.gp, %a: !plena.gp):
    "plena.yield"(%i, %a) : (!plena.gp, !plena.gp) -> ()
  }) : (!plena.gp<gp0>) -> ()
}

// -----
plena.kernel @address {
  %zero = plena.get_register : !plena.gp<gp0>
  %b = plena.c_set_addr_reg %zero, %zero : (!plena.gp<gp0>, !plena.gp<gp0>) -> !plena.addr
  // expected-error @below {{'plena.loop': carried value 0 is an address register, which cannot be carried}}
  %r = plena.loop 2 (%i : !plena.gp, %a = %b : !plena.addr) {
    plena.yield %i, %a : !plena.gp, !plena.addr
  }
}

// -----
plena.kernel @after {
  %zero = plena.get_register : !plena.gp<gp0>
  // expected-error @below {{'plena.loop': carried value 0 is !plena.gp<gp4> and its result !plena.gp<gp5>}}
  %r = "plena.loop"(%zero) <{count = 2 : i64}> ({
  ^bb0(%i: !plena.gp, %a: !plena.gp<gp4>):
    "plena.yield"(%i, %a) : (!plena.gp, !plena.gp<gp4>) -> ()
  }) : (!plena.gp<gp0>) -> !plena.gp<gp5>
}

// -----
plena.kernel @init {
  %zero = plena.get_register : !plena.gp<gp0>
  // expected-error @below {{'plena.loop': carried value 0 ties !plena.gp<gp0> to !plena.fp, another bank}}
  %r = plena.loop 2 (%i : !plena.gp, %a = %zero : !plena.gp<gp0> to !plena.fp) {
    plena.yield %i, %a : !plena.gp, !plena.fp
  }
}

// -----
plena.kernel @yielded {
  %zero = plena.get_register : !plena.gp<gp0>
  %start = plena.s_addi_int %zero, 1 : (!plena.gp<gp0>) -> !plena.gp<gp4>
  // expected-error @below {{'plena.loop': carried value 0 needs one register in both places, got !plena.gp<gp5> and !plena.gp<gp4>}}
  %r = plena.loop 2 (%i : !plena.gp, %a = %start : !plena.gp<gp4>) {
    %b = plena.s_addi_int %a, 1 : (!plena.gp<gp4>) -> !plena.gp<gp5>
    plena.yield %i, %b : !plena.gp, !plena.gp<gp5>
  }
}

// -----
plena.kernel @unreachable {
  // expected-error @below {{'plena.loop': the body of a loop ends with plena.yield}}
  plena.loop 2 (%i : !plena.gp) {
    "llvm.unreachable"() : () -> ()
  }
}

// -----
func.func @isolated(%a: !plena.gp) {
  // expected-error @below {{plena.s_addi_int uses a value from outside of its plena.kernel, which has none but its own}}
  plena.kernel @outside {
    %b = plena.s_addi_int %a, 1 : (!plena.gp) -> !plena.gp
  }
  func.return
}
