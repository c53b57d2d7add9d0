package dev.tidings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.w3c.dom.Element;
import org.w3c.dom.Node;

/**
 * The POMs of both artifacts must have all that Maven Central demands of a POM, except the elements that only
 * the owner can fill in. The README must list exactly these. The POMs have no parent, so they are effective as
 * they are written.
 */
class PublishingTest {
  /** Each is a path of elements, with the element below {@code project} that the README names. */
  private static final String[] DEMANDS = {
    "groupId", "artifactId", "version", "name", "description", "url",
    "licenses/license/name", "licenses/license/url",
    "developers/developer/name",
    "scm/connection", "scm/developerConnection", "scm/url"
  };

  private static Element project(String pom) throws Exception {
    return DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(Path.of(pom).toFile()).getDocumentElement();
  }

  private static Element child(Element parent, String name) {
    var nodes = parent.getChildNodes();
    return IntStream.range(0, nodes.getLength())
        .mapToObj(nodes::item)
        .filter(node -> node.getNodeType() == Node.ELEMENT_NODE && node.getNodeName().equals(name))
        .map(Element.class::cast)
        .findFirst()
        .orElse(null);
  }

  private static boolean has(Element project, String path) {
    var element = project;
    for (String name : path.split("/")) {
      element = child(element, name);
      if (element == null) {
        return false;
      }
    }
    return !element.getTextContent().isBlank();
  }

  private static TreeSet<String> missing(Element project) {
    var missing = Arrays.stream(DEMANDS)
        .filter(path -> !has(project, path))
        .map(path -> path.replaceAll("/.*", ""))
        .collect(Collectors.toCollection(TreeSet::new));
    if (child(project, "version").getTextContent().endsWith("-SNAPSHOT")) {
      missing.add("version");
    }
    return missing;
  }

  /** Returns the elements that the list in the README's section names. */
  private static TreeSet<String> listed() throws Exception {
    String section = Files.readString(Path.of("README.md")).split("\n## Publishing\n")[1].split("\n## ")[0];
    return Pattern.compile("`<(\\w+)>`").matcher(section.substring(0, section.indexOf("\n\n", 2)))
        .results().map(match -> match.group(1)).collect(Collectors.toCollection(TreeSet::new));
  }

  @ParameterizedTest
  @ValueSource(strings = {"pom.xml", "src/redis/pom.xml"})
  void aPomHasAllThatCentralDemandsExceptWhatTheReadmeLists(String pom) throws Exception {
    assertEquals(listed(), missing(project(pom)), "the README's section Publishing, and the POM");
  }

  @ParameterizedTest
  @ValueSource(strings = {"pom.xml", "src/redis/pom.xml"})
  void aPomInheritsNothingAndNamesNoRepository(String pom) throws Exception {
    for (String name : new String[] {"parent", "repositories", "pluginRepositories", "distributionManagement"}) {
      assertEquals(null, child(project(pom), name), name);
    }
    assertFalse(Files.readString(Path.of(pom)).matches("(?is).*(example\\.(com|org)|todo|fixme|changeme).*"), "a placeholder");
    assertNotNull(child(child(project(pom), "properties"), "project.build.outputTimestamp"));
  }

  @Test
  void bothArtifactsHaveOneGroupVersionAndTime() throws Exception {
    for (String name : new String[] {"groupId", "version", "developers"}) {
      assertEquals(text("pom.xml", name), text("src/redis/pom.xml", name));
    }
    String time = "project.build.outputTimestamp";
    assertEquals(
        child(child(project("pom.xml"), "properties"), time).getTextContent(),
        child(child(project("src/redis/pom.xml"), "properties"), time).getTextContent());
    assertTrue(text("pom.xml", "groupId").matches("[a-z.]+"));
  }

  private static String text(String pom, String name) throws Exception {
    return child(project(pom), name).getTextContent().replaceAll("\\s+", " ");
  }
}
