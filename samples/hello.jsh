// jshell --class-path target/classes samples/hello.jsh
import dev.tidings.Event

// @start region="event"
IO.print(Event.of("Hello, world!").encode())
IO.print(Event.of("greeting", "two\nlines").withId("7").encode())
IO.print(Event.empty().withRetry(Duration.ofSeconds(3)).withComment("not for scripts").encode())
// @end
/exit
