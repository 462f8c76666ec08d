import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Properties;

/** Reads the table people by the JDBC driver and prints what it sees. */
public class Clients {
  public static void main(String[] args) throws Exception {
    String url = args[0];
    try (Connection c = connect(url, "steward", args[1])) {
      metadata(c);
      prepared(c);
      cursor(c);
      error(c);
    }
    try (Connection c = connect(url, "analyst", args[2])) {
      masked(c);
    }
  }

  static Connection connect(String url, String user, String password) throws SQLException {
    Properties p = new Properties();
    p.setProperty("user", user);
    p.setProperty("password", password);
    return DriverManager.getConnection(url, p);
  }

  static void metadata(Connection c) throws SQLException {
    DatabaseMetaData m = c.getMetaData();
    System.out.println("product: " + m.getDatabaseProductName() + " " + m.getDatabaseMajorVersion());
    System.out.println("user: " + m.getUserName());
    try (ResultSet r = m.getTables(null, "public", "%", new String[] {"TABLE", "VIEW", "FOREIGN TABLE"})) {
      while (r.next()) {
        System.out.println("table: " + r.getString("TABLE_SCHEM") + "." + r.getString("TABLE_NAME") + " " + r.getString("TABLE_TYPE"));
      }
    }
    try (ResultSet r = m.getColumns(null, "public", "people", "%")) {
      while (r.next()) {
        System.out.println("column: " + r.getString("COLUMN_NAME") + " " + r.getString("TYPE_NAME") + " "
            + r.getInt("DATA_TYPE") + " " + r.getInt("COLUMN_SIZE") + " " + r.getInt("DECIMAL_DIGITS") + " " + r.getString("IS_NULLABLE"));
      }
    }
    try (ResultSet r = m.getSchemas()) {
      while (r.next()) {
        if (r.getString(1).equals("public") || r.getString(1).equals("hub")) {
          System.out.println("schema: " + r.getString(1));
        }
      }
    }
  }

  /** From the fifth execution on the driver uses a named statement and binary results. */
  static void prepared(Connection c) throws SQLException {
    String sql = "SELECT id, name, ssn, salary, born, active, score, seen FROM people WHERE id = ? AND name LIKE ? AND salary > ?";
    try (PreparedStatement s = c.prepareStatement(sql)) {
      for (int id = 1; id <= 7; id++) {
        s.setInt(1, id);
        s.setString(2, "%s%");
        s.setBigDecimal(3, new BigDecimal("0.5"));
        try (ResultSet r = s.executeQuery()) {
          while (r.next()) {
            System.out.println("prepared: " + r.getInt(1) + " " + r.getString(2) + " " + r.getString(3) + " " + r.getBigDecimal(4) + " "
                + r.getDate(5) + " " + r.getBoolean(6) + " " + r.getDouble(7) + " " + r.getTimestamp(8));
          }
        }
      }
    }
  }

  /** With a fetch size in a transaction the driver reads through a portal. */
  static void cursor(Connection c) throws SQLException {
    c.setAutoCommit(false);
    try (Statement s = c.createStatement()) {
      s.setFetchSize(100);
      long sum = 0;
      int rows = 0;
      try (ResultSet r = s.executeQuery("SELECT id FROM people")) {
        while (r.next()) {
          sum += r.getInt(1);
          rows++;
        }
      }
      System.out.println("cursor: " + rows + " rows, sum " + sum);
    }
    c.commit();
    c.setAutoCommit(true);
  }

  static void error(Connection c) throws SQLException {
    try (Statement s = c.createStatement()) {
      s.executeQuery("SELECT nme FROM people");
    } catch (SQLException e) {
      System.out.println("error: " + e.getSQLState() + " " + e.getMessage().split("\n")[0]);
    }
    try (Statement s = c.createStatement()) {
      s.setQueryTimeout(1);
      s.executeQuery("SELECT pg_sleep(30)");
    } catch (SQLException e) {
      System.out.println("timeout: " + e.getSQLState());
    }
  }

  static void masked(Connection c) throws SQLException {
    try (PreparedStatement s = c.prepareStatement("SELECT id, ssn, salary FROM people WHERE id <= ? ORDER BY id")) {
      for (int i = 0; i < 7; i++) {
        s.setInt(1, 4);
        try (ResultSet r = s.executeQuery()) {
          StringBuilder line = new StringBuilder("masked:");
          while (r.next()) {
            line.append(' ').append(r.getInt(1)).append(' ').append(r.getString(2)).append(' ').append(r.getBigDecimal(3));
          }
          System.out.println(line);
        }
      }
    }
  }
}
